"""A host for Azure Functions apps on one machine: our listeners around the worker library that Azure itself runs."""
