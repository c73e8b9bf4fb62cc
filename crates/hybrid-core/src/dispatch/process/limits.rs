//! What the system lets a worker use: memory, processor seconds, open files.
