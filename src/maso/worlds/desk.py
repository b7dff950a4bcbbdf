"""The desk: market data, filings, research, orders and settlements; cash and positions always balance.

A task is about one company. Reading the market or a filing gives it a primary source; research is
published only where there is one. An order is filled at once at the market price if that is within its
limit, and settled once, for exactly its amount: cash moves between `desk` and `street`, and shares the
other way, so both sums stay 0.

Simplified: one currency, whole shares, no partial fills, no fees.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from maso.clock import SECOND
from maso.fleet.operations import OPERATIONS, SIDES, VERDICTS
from maso.phrases.words import LISTS
from maso.streams import Stream
from maso.worlds.base import Args, Once, Result, Store, changed_facts, decline

# A limit further than this from the market is a slip of the finger or somebody else's order.
LIMIT_PERMILLE_MAX: Final = 50
NOTIONAL_MINOR_MAX: Final = 500_000_000
CHANGE_EVERY_NS: Final = SECOND
CHANGES_AT_ONCE: Final = 3


class Security(msgspec.Struct):
    symbol: str
    company: str
    price_minor: int


class Trade(msgspec.Struct):
    """state: filled, cancelled, settled."""

    id: str
    session: int
    symbol: str
    side: str
    quantity: int
    price_minor: int
    state: str = "filled"

    @property
    def amount_minor(self) -> int:
        return self.price_minor * self.quantity


class Case(msgspec.Struct):
    """One task: what it is about, and the primary sources that it read."""

    number: int
    facts: dict[str, Any]
    symbol: str
    sources: int = 0
    trades: tuple[str, ...] = ()


class Desk:
    """The desk world. `stream` decides what tasks are about and how prices move."""

    name = "desk"

    def __init__(self, store: Store, stream: Stream) -> None:
        self._store = store
        self._stream = stream
        self._once = Once(store)
        self._cases: dict[int, Case] = {}
        self._number = 0
        self._next_change = 0
        self.cash: dict[str, int] = {"desk": 0, "street": 0}
        self.shares: dict[str, int] = {}  # the desk's position by symbol; the street holds the opposite
        companies = LISTS["company"].split("|")
        self._symbols = LISTS["ticker"].split("|")
        for symbol, company in zip(self._symbols, companies, strict=True):
            price = 300 + self._stream.latency(5_000)
            store.put("security", symbol, Security(symbol, company, price))
        self._perform: dict[str, Callable[[Case, Args], Result]] = {
            "desk.market_read": self._market_read,
            "desk.filing_read": self._filing_read,
            "desk.research_publish": self._publish,
            "desk.risk_record": self._record,
            "desk.compliance_record": self._record,
            "desk.order_place": self._order_place,
            "desk.order_cancel": self._order_cancel,
            "desk.settle": self._settle,
        }
        self._guards: dict[str, Callable[[Case, Args], str | None]] = {
            "sourced": self._unsourced,
            "trade_limits": self._beyond_limits,
            "trade_open": self._not_open,
            "trade_amount": self._wrong_amount,
        }

    def open(self, session: int, facts: dict[str, Any], now: int) -> None:
        symbol = self._stream.pick(self._symbols)
        security = self._security(symbol)
        draw = self._stream.bits(32)
        facts.update(
            client_id=f"K{draw % 9_000 + 1_000}",
            symbol=symbol,
            company=security.company,
            filing_id=f"FIL-{symbol}-{2020 + draw % 6}",
            subject=symbol,
            market_minor=security.price_minor,
            limit_minor=security.price_minor,
            side=SIDES[draw >> 8 & 1],
            risk_score=1 + (draw >> 9) % 99,
            verdict=VERDICTS[0],
        )
        facts.setdefault("quantity", 10 * (1 + (draw >> 16) % 50))
        self._cases[session] = Case(session, facts, symbol)

    def close(self, session: int, now: int) -> None:
        case = self._cases.pop(session, None)
        if case is None:
            return
        for number in case.trades:
            trade = self._trade(number)
            if trade is not None and trade.state == "filled":
                self._write_off(trade)
        self._once.forget(session)

    def perform(
        self, operation: str, session: int, args: Args, key: str, now: int
    ) -> tuple[Result, tuple[str, ...]]:
        case = self._cases.get(session)
        if case is None:
            decline("session_closed")
        what = self._perform.get(operation)
        if what is None:
            decline("unknown_operation")
        wanted = {name: args.get(name) for name in OPERATIONS[operation].arguments}
        before = self._once.earlier(operation, wanted, key)
        if before is not None:
            return before, ()
        reason = self._wrong(operation, case, args)
        if reason is not None:
            decline(reason)
        known = dict(case.facts)
        answer = what(case, args)
        self._once.keep(operation, session, wanted, key, answer)
        return answer, changed_facts(known, case.facts)

    def check_facts(self, operation: str, session: int, args: Args) -> bool:
        case = self._cases.get(session)
        return case is not None and self._wrong(operation, case, args) is None

    def facts(self, session: int) -> Mapping[str, Any]:
        return self._cases[session].facts

    def advance(self, now: int) -> int:
        """Prices move."""
        done = 0
        while self._next_change <= now:
            self._next_change += CHANGE_EVERY_NS
            for _ in range(CHANGES_AT_ONCE):
                security = self._security(self._stream.pick(self._symbols))
                step = self._stream.between(-1, 1)
                security.price_minor = max(50, security.price_minor * (1_000 + step) // 1_000)
                self._store.put("security", security.symbol, security)
                done += 1
        return done

    def trades(self) -> Iterator[Trade]:
        return (row for _, row in self._store.rows("trade"))

    # Guards.

    def _wrong(self, operation: str, case: Case, args: Args) -> str | None:
        rules = OPERATIONS[operation]
        if any(args.get(name) is None for name in rules.arguments):
            return "argument_missing"
        return None if rules.facts_check is None else self._guards[rules.facts_check](case, args)

    def _unsourced(self, case: Case, args: Args) -> str | None:
        return None if case.sources else "no_primary_source"

    def _beyond_limits(self, case: Case, args: Args) -> str | None:
        security: Security | None = self._store.get("security", args["symbol"])
        quantity, limit = args["quantity"], args["limit_minor"]
        if security is None or args["side"] not in SIDES or quantity < 1:
            return "no_such_security"
        if abs(limit - security.price_minor) * 1_000 > security.price_minor * LIMIT_PERMILLE_MAX:
            return "limit_off_market"
        return None if security.price_minor * quantity <= NOTIONAL_MINOR_MAX else "too_large"

    def _mine(self, case: Case, args: Args) -> Trade | None:
        number = args["trade_id"]
        return self._trade(number) if number in case.trades else None

    def _not_open(self, case: Case, args: Args) -> str | None:
        trade = self._mine(case, args)
        return None if trade is not None and trade.state == "filled" else "no_such_trade"

    def _wrong_amount(self, case: Case, args: Args) -> str | None:
        trade = self._mine(case, args)
        if trade is None or trade.state != "filled":
            return "no_such_trade"
        return None if args["amount_minor"] == trade.amount_minor else "wrong_amount"

    # Operations.

    def _market_read(self, case: Case, args: Args) -> Result:
        security: Security | None = self._store.get("security", args["symbol"])
        if security is None:
            decline("no_such_security")
        case.sources += 1
        case.facts["market_minor"] = case.facts["limit_minor"] = security.price_minor
        volume = 10_000 + self._stream.bits(20)
        return {"symbol": security.symbol, "market_minor": security.price_minor, "volume": volume}

    def _filing_read(self, case: Case, args: Args) -> Result:
        case.sources += 1
        return {"filing_id": args["filing_id"], "symbol": case.symbol, "pages": 12 + self._stream.below(180)}

    def _publish(self, case: Case, args: Args) -> Result:
        case.facts["note_id"] = self._new("N")
        return {"note_id": case.facts["note_id"]}

    def _record(self, case: Case, args: Args) -> Result:
        case.facts["record_id"] = self._new("R")
        return {"record_id": case.facts["record_id"]}

    def _order_place(self, case: Case, args: Args) -> Result:
        security = self._security(args["symbol"])
        trade = Trade(
            self._new("T"), case.number, security.symbol, args["side"], args["quantity"], security.price_minor
        )
        self._store.put("trade", trade.id, trade)
        case.trades = (*case.trades, trade.id)
        case.facts.update(trade_id=trade.id, settlement_minor=trade.amount_minor)
        return {
            "trade_id": trade.id,
            "price_minor": trade.price_minor,
            "settlement_minor": trade.amount_minor,
        }

    def _order_cancel(self, case: Case, args: Args) -> Result:
        trade = self._trade(args["trade_id"])
        assert trade is not None
        self._write_off(trade)
        return {"trade_id": trade.id}

    def _settle(self, case: Case, args: Args) -> Result:
        trade = self._trade(args["trade_id"])
        assert trade is not None
        sign = 1 if trade.side == "buy" else -1
        self.cash["desk"] -= sign * trade.amount_minor
        self.cash["street"] += sign * trade.amount_minor
        self.shares[trade.symbol] = self.shares.get(trade.symbol, 0) + sign * trade.quantity
        trade.state = "settled"
        self._store.put("trade", trade.id, trade)
        return {"trade_id": trade.id, "settled_minor": trade.amount_minor}

    def _write_off(self, trade: Trade) -> None:
        trade.state = "cancelled"
        self._store.put("trade", trade.id, trade)

    def _new(self, letter: str) -> str:
        self._number += 1
        return f"{letter}{self._number:07d}"

    def _security(self, symbol: str) -> Security:
        security: Security = self._store.get("security", symbol)
        return security

    def _trade(self, number: str) -> Trade | None:
        trade: Trade | None = self._store.get("trade", number)
        return trade
