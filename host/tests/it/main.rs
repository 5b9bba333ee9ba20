//! Everything together: the real router, a real database, real plugins; only the provider's side is played by `demo-idp`.

mod plugin;
