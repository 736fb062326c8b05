"""Searches on the user's side: models found, licences asked, books kept, the winner merged."""
