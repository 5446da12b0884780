"""What every function uses: settings, models, tables, blobs and snapshots, queues, Key Vault."""
