package web

import (
	"context"
	"encoding/json"
	"runtime/debug"
	"strings"
)

// modulePath is the path of this module.
const modulePath = "github.com/hisock/hisock"

// locate lets g run where the source of this module is: in its folder, if that is in a module that has this module, or else in the
// module cache, at the version of this program. A program that go run PACKAGE@VERSION starts need not be in a module. An empty
// version means that the version is unknown; then the step that compiles says what is missing.
func (g *goCommand) locate(ctx context.Context, version string) error {
	if _, err := g.run(ctx, "look for this module", "list", "-m", modulePath); err == nil || version == "" {
		return nil
	}
	step := "download " + modulePath + "@" + version
	out, err := g.run(ctx, step, "mod", "download", "-json", modulePath+"@"+version)
	if err != nil {
		return err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &module); err != nil {
		return &BuildError{Step: step, Err: err}
	}
	g.dir, g.env = module.Dir, append(g.env, "GOWORK=off")
	return nil
}

// ownVersion returns the version of this module in the running program, or "" if it is not one that can be downloaded.
func ownVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == modulePath && m.Replace == nil && strings.HasPrefix(m.Version, "v") && !strings.Contains(m.Version, "+dirty") {
			return m.Version
		}
	}
	return ""
}
