"""Evidence for the spool: nothing acknowledged is lost, nothing misread, nothing left after the close."""
