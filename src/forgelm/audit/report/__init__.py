"""What an audit found, as one record, and the forms it is written and shown in."""
