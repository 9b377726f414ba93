package chrome

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLongest(t *testing.T) {
	named := func(name string) json.RawMessage { return json.RawMessage(`{"name":"` + name + `"}`) }
	events := []event{
		{Name: "RunTask", Process: 7, Thread: 1, Duration: 2500}, // comes before the name of its thread
		{Name: "thread_name", Process: 7, Thread: 1, Args: named("CrRendererMain")},
		{Name: "thread_name", Process: 7, Thread: 2, Args: named("Compositor")},
		{Name: "thread_name", Process: 8, Thread: 3, Args: named("CrRendererMain")},
		{Name: "RunTask", Process: 7, Thread: 1, Duration: 1000},
		{Name: "FunctionCall", Process: 7, Thread: 1, Duration: 9000},
		{Name: "RunTask", Process: 7, Thread: 2, Duration: 9000},
		{Name: "RunTask", Process: 8, Thread: 3, Duration: 9000},
	}
	got, err := longest(events, 7)
	require.NoError(t, err)
	require.Equal(t, 2500*time.Microsecond, got)
	_, err = longest(events, 9)
	require.Error(t, err)
}

func TestProcessOf(t *testing.T) {
	begun := json.RawMessage(`{"data":{"frames":[{"processId":8,"isOutermostMainFrame":false},{"processId":7,"isOutermostMainFrame":true}]}}`)
	pid, err := processOf([]event{{Name: "RunTask", Process: 3}, {Name: "TracingStartedInBrowser", Process: 1, Args: begun}})
	require.NoError(t, err)
	require.Equal(t, 7, pid)
	_, err = processOf([]event{{Name: "RunTask", Process: 3}})
	require.Error(t, err)
}
