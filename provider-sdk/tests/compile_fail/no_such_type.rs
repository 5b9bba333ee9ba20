use vestibule_provider::prelude::*;

export_provider!(Exampel);

fn main() {}
