"""The default engine: boxes made of namespaces, a system-call filter and limits, with nothing to install."""
