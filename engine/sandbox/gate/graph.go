package gate

// graph has the functions as its nodes and, behind them, one node for each type
// called through a table, which leads to all functions of that type that may be
// in one.
type graph struct {
	edges  [][]uint32
	weight []uint32
	funcs  int
}

func (p *program) graph() *graph {
	g := &graph{funcs: len(p.funcs)}
	imported := uint32(len(p.imported))
	byType := map[string]uint32{}
	for _, f := range p.funcs {
		g.edges, g.weight = append(g.edges, nil), append(g.weight, f.weight)
	}
	for n, f := range p.funcs {
		for _, to := range f.calls {
			if to >= imported {
				g.edges[n] = append(g.edges[n], to-imported)
			}
		}
		for _, t := range f.indirect {
			key := p.types[t].key()
			node, ok := byType[key]
			if !ok {
				node = uint32(len(g.edges))
				byType[key] = node
				g.edges, g.weight = append(g.edges, nil), append(g.weight, 0)
			}
			g.edges[n] = append(g.edges[n], node)
		}
	}
	for at := range p.taken {
		if at < imported || at-imported >= uint32(len(p.funcs)) {
			continue
		}
		if node, ok := byType[p.types[p.funcs[at-imported].kind].key()]; ok {
			g.edges[node] = append(g.edges[node], at-imported)
		}
	}
	return g
}

// solve finds the strongly connected components (Tarjan's algorithm, without
// recursion of its own), and says which functions are in a cycle and what the
// heaviest chain of calls weighs that passes each component once.
//
//nolint:gocognit // one loop that is known as it is
func (g *graph) solve() (recursive []bool, chain uint64) {
	const none = ^uint32(0)
	n := len(g.edges)
	index, low, comp := make([]uint32, n), make([]uint32, n), make([]uint32, n)
	for v := range n {
		index[v], comp[v] = none, none
	}
	recursive = make([]bool, g.funcs)
	var stack []uint32
	var below []uint64 // heaviest chain from each component on, in the order they are found
	type step struct{ v, next uint32 }
	next := uint32(0)
	for root := range uint32(n) {
		if index[root] != none {
			continue
		}
		path := []step{{root, 0}}
		for len(path) > 0 {
			s := &path[len(path)-1]
			v := s.v
			if s.next == 0 {
				index[v], low[v] = next, next
				next++
				stack = append(stack, v)
			}
			if int(s.next) < len(g.edges[v]) {
				to := g.edges[v][s.next]
				s.next++
				if index[to] == none {
					path = append(path, step{to, 0})
				} else if comp[to] == none {
					low[v] = min(low[v], index[to])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				up := path[len(path)-1].v
				low[up] = min(low[up], low[v])
			}
			if low[v] != index[v] {
				continue
			}
			at := len(stack) - 1
			for stack[at] != v {
				at--
			}
			weight := g.component(stack[at:], uint32(len(below)), comp, below, recursive)
			stack = stack[:at]
			below = append(below, weight)
			chain = max(chain, weight)
		}
	}
	return recursive, chain
}

// component closes the component of the given nodes under the number id.
func (g *graph) component(nodes []uint32, id uint32, comp []uint32, below []uint64, recursive []bool) uint64 {
	for _, v := range nodes {
		comp[v] = id
	}
	cycle := len(nodes) > 1
	var heaviest, after uint64
	for _, v := range nodes {
		heaviest = max(heaviest, uint64(g.weight[v]))
		for _, to := range g.edges[v] {
			if comp[to] == id {
				cycle = true
			} else {
				after = max(after, below[comp[to]])
			}
		}
	}
	if cycle {
		for _, v := range nodes {
			if int(v) < g.funcs {
				recursive[v] = true
			}
		}
	}
	return heaviest + after
}
