"""What can be known of the infrastructure without a subscription: it is read, judged, and compared with the code."""
