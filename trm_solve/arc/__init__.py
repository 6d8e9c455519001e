"""What ARC needs beyond a puzzle kind: known tasks, adaptation to unseen ones, data sets, submissions."""
