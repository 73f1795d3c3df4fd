"""The application that programs on a loan log in as: the gateway asks for none, and no library starts without one."""

API_ID = 1
API_HASH = "0" * 32
