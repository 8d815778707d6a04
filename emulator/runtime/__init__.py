"""Plan and execute: what should run × what runs → operations, carried out in parallel along their edges."""
