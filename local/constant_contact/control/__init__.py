"""`/_simulator/`: the simulator's own controls, no part of the real API and without authentication."""
