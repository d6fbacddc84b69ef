"""The only room with device I/O: Bluetooth LE, serial lines, Modbus."""
