"""What the system promises, each as a property that is tried again with every part that protects it taken away."""
