use vestibule_provider::prelude::*;

pub struct Example;

export_provider!(Example);

fn main() {}
