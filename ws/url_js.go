package ws

import "syscall/js"

// parseURL reads a URL with the browser's own parser, because the browser will dial the URL. Its error
// is a [*URLError].
func parseURL(url string) (target, error) {
	var parsed js.Value
	if err := try(func() { parsed = js.Global().Get("URL").New(url) }); err != nil {
		return target{}, &URLError{url, "it is not a URL"}
	}
	part := func(name string) string { return parsed.Get(name).String() }
	t := target{secure: part("protocol") == "wss:", host: part("host")}
	switch {
	case !t.secure && part("protocol") != "ws:":
		return target{}, &URLError{url, "the scheme is not ws:// or wss://"}
	case part("hash") != "":
		return target{}, &URLError{url, "it holds a fragment"}
	case part("username") != "" || part("password") != "":
		return target{}, &URLError{part("protocol") + "//…@" + t.host, "it holds a user or password"}
	}
	return t, nil
}

// address returns "host:port".
func (t target) address() string {
	for i := len(t.host) - 1; i >= 0 && t.host[i] != ']'; i-- {
		if t.host[i] == ':' {
			return t.host
		}
	}
	if t.secure {
		return t.host + ":443"
	}
	return t.host + ":80"
}
