package roster

// Fold is for servers, and a page would pay for the package unicode: here every name is its own.
func Fold(name string) string { return name }
