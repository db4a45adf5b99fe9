pub mod amount; pub mod locale; pub mod page; pub mod phrases;
