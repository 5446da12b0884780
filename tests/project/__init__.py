"""What those need who carry the project on: workflows, dev container, hooks, documents. Each agrees with the rest."""
