"""What must hold when everything around the app fails."""
