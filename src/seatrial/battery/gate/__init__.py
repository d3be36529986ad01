"""The gate: no instance enters a run without a manifest that proves it."""
