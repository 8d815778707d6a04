"""The typed manifest, one model per block. Import the workload type you need from its own module, or from
`emulator.manifest`, which loads one workload type at a time."""
