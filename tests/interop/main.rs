//! What is rendered, handed to the programs that it is for.

mod router;
