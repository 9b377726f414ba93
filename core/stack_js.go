package core

// stack returns nothing: a handler in a page is JavaScript, whose console has the stack.
func stack() string { return "" }
