package core

// What follows says nothing: a handler in a page is JavaScript, whose console has the stack.

func stack() string        { return "" }
func typeOf(any) string    { return "" }
func typesOf(error) string { return "" }
