"""New puzzles with known answers, and the exact tools that judge them."""
