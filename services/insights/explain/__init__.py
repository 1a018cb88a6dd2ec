"""Why a customer got, or did not get, something: read in one go, told in plain words."""
