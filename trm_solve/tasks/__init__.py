"""Kinds whose questions come in tasks: the rows that know them, the vote of their copies, fitting to unknown ones."""
