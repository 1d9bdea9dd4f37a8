"""LSP's own methods, for editors that have no plugin: what a plain LSP client can do and is told."""
