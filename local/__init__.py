"""The whole system on one machine: every service that the app needs, on the loopback interface."""
