"""What a run can prove afterwards: the audit log, the sealed model folder and the documents written from them."""
