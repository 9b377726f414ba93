//go:build !js

package convert

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The JSON codec counts a list without converting it. It finds the faults that encoding/json finds.
func TestListOfJSON(t *testing.T) {
	for _, payload := range []string{
		`[1,2]`, ` [ 1 , 2 ] `, "[\t1\n,\r2]", `[null,2]`, `["a","b"]`, `["a,]}","\"]"]`, `["\\",2]`, `[[1,[2]],{"a":[3,{"b":"}"}]}]`,
		`[{},[]]`, `[1,2,]`, `[1,,2]`, `[,1,2]`, `[1 2,3]`, `[1,2]]`, `[1,2] 3`, `[1,2}`, `[1},2]`, `[{"a":]},2]`, `[1,2`, `["a`, `["\`,
		`[`, `]`, `[1,`, `{"a":1}`, `nul`, `null `, "\v[1,2]", `[1,tru]`, "[1,\"\xff\"]",
	} {
		var want, got [2]any
		list := []any{&want[0], &want[1]}
		wantErr := json.Unmarshal([]byte(payload), &list)
		n, err := Default{}.UnmarshalList([]byte(payload), []any{&got[0], &got[1]})
		if wantErr != nil {
			require.True(t, err != nil || n != len(got), payload) // it may stop before the fault
			continue
		}
		require.NoError(t, err, payload)
		require.Equal(t, len(list), n, payload)
		if n == 2 {
			require.Equal(t, want, got, payload)
		}
	}
}

// Elements after the last wanted one are not looked at: a list of a third of a million maps costs
// as little as a list of three.
func TestListStopsAtTheCount(t *testing.T) {
	payload := []byte("[1,2," + strings.Repeat("{},", 1<<20/3) + "7]")
	var a, b int
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := List(Default{}, payload, &a, &b)
	runtime.ReadMemStats(&after)
	require.ErrorContains(t, err, "a list of more than 2, not of 2")
	require.IsType(t, (*Fault)(nil), err)
	require.Zero(t, a, "nothing is converted")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<10), "bytes")
	require.NoError(t, List(Default{}, []byte("[1,2]"), &a, &b))
	require.Equal(t, "1 2", fmt.Sprint(a, b))
}
