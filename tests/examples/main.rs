//! Every example, run: as a module through the in-process client, and the ones
//! that stand for the whole as processes of their own.

mod answers;
mod as_users_do;
mod process;
mod programs;
mod showcase;
mod small;
mod workers;
