"""The whole system as its users meet it: commands and HTTP calls against the running stand."""
