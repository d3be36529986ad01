"""Programs of the services. Each lies in the service's own box as `/service/main.py` beside `listener.py`."""
