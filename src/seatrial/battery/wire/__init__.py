"""Shared kit for families that speak protocols: packet captures, Modbus, IEC 60870-5-104."""
