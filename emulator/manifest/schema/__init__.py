"""The typed manifest, one model per block. Import the workload type you need from its own module."""
