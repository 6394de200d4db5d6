"""The classroom: how to get in, what a teacher sees and sets, what a student sees, and what Build makes of it."""
