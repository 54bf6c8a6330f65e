package job

import (
	"cmp"
	"container/heap"
)

const (
	// taperShare is the largest part of the work from a task to the end that
	// the task may be: sixteen sellers, and two tasks for each of them.
	taperShare = 1.0 / 32
	// taperLeast is the part of the target below which a task is not cut for
	// the sake of the end: a tenth of a second that nobody misses.
	taperLeast = 1.0 / 32
)

// taper adds a frame's tasks, largest first, and cuts those that are too large
// a part of the rest of the job, so that sellers of whatever speed end together.
// rest is the work from here to the end; it returns what is left of that.
func (p planner) taper(tasks, frame []Task, rest float64) ([]Task, float64) {
	least := uint64(float64(p.opt.TargetWork) * taperLeast)
	h := byWork(frame)
	heap.Init(&h)
	for len(h) > 0 && len(tasks) <= MaxTasks {
		t := h[0]
		if t.Spec.Log2 > 0 && t.Planned > least && float64(t.Planned) > rest*taperShare {
			both := halves(t.Spec)
			h[0] = p.task(both[0])
			heap.Fix(&h, 0)
			heap.Push(&h, p.task(both[1]))
			continue
		}
		heap.Pop(&h)
		tasks = append(tasks, t)
		rest -= float64(t.Planned)
	}
	return tasks, rest
}

// byWork is a heap of one frame's tasks, the largest on top; ties by layer and
// samples, then by place.
type byWork []Task

func (h byWork) Len() int { return len(h) }

func (h byWork) Less(i, j int) bool {
	a, b := h[i], h[j]
	return cmp.Or(cmp.Compare(b.Planned, a.Planned), cmp.Compare(a.Spec.Layer, b.Spec.Layer), cmp.Compare(a.Spec.First, b.Spec.First),
		cmp.Compare(a.Spec.Y0, b.Spec.Y0), cmp.Compare(a.Spec.X0, b.Spec.X0)) < 0
}

func (h byWork) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *byWork) Push(t any) { *h = append(*h, t.(Task)) } //nolint:errcheck,forcetypeassert // nothing else is put in

func (h *byWork) Pop() any {
	old := *h
	t := old[len(old)-1]
	*h = old[:len(old)-1]
	return t
}
