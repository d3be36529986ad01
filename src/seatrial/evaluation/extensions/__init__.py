"""The Inspect extensions: sandbox provider, task, solvers, tools, scorer and hooks. Only this folder knows Inspect."""
