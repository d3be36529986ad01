"""Who somebody is: sign-in with two factors, how sure that is, sessions, identity providers, service tokens."""
