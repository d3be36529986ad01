"""A withdrawal, by whatever door it comes: `act.withdrawn` ends everything and gives the receipt."""
