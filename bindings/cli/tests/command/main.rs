//! Does the built command do what its help says? Each test runs it against a real platform, with folders of its own.

mod bad_input;
mod check;
mod crash;
mod demo;
mod exit_codes;
mod exported;
mod from_python;
mod grants;
mod imports;
mod keys;
mod life;
mod redis;
mod rotation;
mod streams;
mod terminal;
mod tools;
mod top;
mod world;
