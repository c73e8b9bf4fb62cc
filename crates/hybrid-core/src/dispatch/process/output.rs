//! What workers write to their standard output and error, line by line into the log.
