"""Coverage-guided fuzzing of everything that reads what others have written: `python3 dev.py fuzz`."""
