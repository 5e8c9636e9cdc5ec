"""What the people of a dashboard keep on it: accounts, keys, links, notes and mailings; nothing about visitors."""
