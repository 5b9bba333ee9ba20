//! What Vestibule is compared with: [`bare`], a relying party written by hand for one provider and nothing else, and the
//! little that it and the measuring program share. It must not know Vestibule.

#![forbid(unsafe_code)]

pub mod bare;
pub mod clock;
