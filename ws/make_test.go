//go:build !js

package ws

// newTestListener is NewListener for valid options.
func newTestListener(opts *Options) *Listener { return made(NewListener(opts)) }

func newTestAdmission(origins, hosts []string) admission {
	return made(newAdmission(&Options{Origins: origins, Hosts: hosts}))
}

func made[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
