//! What the engine adds to SQL (docs/feeds.md section 5, docs/packs.md).
//!
//! | function | gives |
//! |---|---|
//! | `day(t)` | the local midnight that begins t's day |
//! | `day_end(t, n)` | the end of the n-th full day after t's own; NULL beyond the calendar |
//! | `add_days(t, n)`, `add_hours(t, n)` | t moved by n times 24 h or n hours; may leave the calendar, so that a bound
//! of a window is none there |
//! | `instant_or_null(t)` | t, or NULL outside the calendar |
//! | `facts(a, b, ...)` | several facts as one cause |
//!
//! All are immutable; NULL in, NULL out. Must never depend on anything but the arguments.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, PrimitiveArray, UInt64Builder};
use arrow::datatypes::{DataType, Field, Int64Type, TimestampMillisecondType, UInt64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use fuma_schemas::Instant;
use fuma_schemas::evidence::instant_type;
use fuma_schemas::instant::{DAY_MS, HOUR_MS};

/// A function of an instant, or of an instant and a whole number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Moment {
    Day,
    DayEnd,
    AddDays,
    AddHours,
    InstantOrNull,
}

impl Moment {
    const ALL: [Moment; 5] = [Moment::Day, Moment::DayEnd, Moment::AddDays, Moment::AddHours, Moment::InstantOrNull];

    fn name(self) -> &'static str {
        match self {
            Moment::Day => "day",
            Moment::DayEnd => "day_end",
            Moment::AddDays => "add_days",
            Moment::AddHours => "add_hours",
            Moment::InstantOrNull => "instant_or_null",
        }
    }

    fn takes_number(self) -> bool {
        matches!(self, Moment::DayEnd | Moment::AddDays | Moment::AddHours)
    }

    fn of(self, millis: i64, number: i64) -> Option<i64> {
        match self {
            Moment::Day => Some(Instant(millis).day().0),
            Moment::DayEnd => Instant(millis).day_end(number).map(|end| end.0),
            Moment::AddDays => Some(millis.saturating_add(number.saturating_mul(DAY_MS))),
            Moment::AddHours => Some(millis.saturating_add(number.saturating_mul(HOUR_MS))),
            Moment::InstantOrNull => Instant(millis).in_calendar().then_some(millis),
        }
    }
}

#[derive(PartialEq, Eq, Hash, Debug)]
struct MomentFunction {
    moment: Moment,
    signature: Signature,
}

impl MomentFunction {
    fn new(moment: Moment) -> MomentFunction {
        let mut types = vec![instant_type()];
        if moment.takes_number() {
            types.push(DataType::Int64);
        }
        MomentFunction { moment, signature: Signature::exact(types, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for MomentFunction {
    fn name(&self) -> &str {
        self.moment.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(instant_type())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let instants = arguments.args[0].to_array(rows)?;
        let instants = instants.as_primitive::<TimestampMillisecondType>();
        let constant = match arguments.args.get(1) {
            None => Some(0),
            Some(ColumnarValue::Scalar(datafusion::common::ScalarValue::Int64(Some(number)))) => Some(*number),
            Some(_) => None,
        };
        let moved: PrimitiveArray<TimestampMillisecondType> = match constant {
            Some(number) => instants.unary_opt(|millis| self.moment.of(millis, number)),
            None => {
                let numbers = arguments.args[1].to_array(rows)?;
                let pairs = instants.iter().zip(numbers.as_primitive::<Int64Type>());
                pairs.map(|(millis, number)| self.moment.of(millis?, number?)).collect()
            }
        };
        Ok(ColumnarValue::Array(Arc::new(moved)))
    }
}

#[derive(PartialEq, Eq, Hash, Debug)]
struct Facts {
    signature: Signature,
}

/// The type of several facts as one cause.
pub fn facts_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::UInt64, true)))
}

impl ScalarUDFImpl for Facts {
    fn name(&self) -> &str {
        "facts"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(facts_type())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(arguments.args.len());
        for argument in &arguments.args {
            let column = argument.to_array(arguments.number_rows)?;
            if column.data_type() != &DataType::UInt64 {
                return exec_err!("facts() takes facts");
            }
            columns.push(column);
        }
        let mut lists = ListBuilder::new(UInt64Builder::new());
        for row in 0..arguments.number_rows {
            for column in columns.iter().filter(|column| column.is_valid(row)) {
                lists.values().append_value(column.as_primitive::<UInt64Type>().value(row));
            }
            lists.append(true);
        }
        Ok(ColumnarValue::Array(Arc::new(lists.finish())))
    }
}

/// Every function of the engine.
pub fn all() -> Vec<ScalarUDF> {
    let mut functions: Vec<ScalarUDF> =
        Moment::ALL.into_iter().map(|moment| ScalarUDF::from(MomentFunction::new(moment))).collect();
    let signature = Signature::new(TypeSignature::Variadic(vec![DataType::UInt64]), Volatility::Immutable);
    functions.push(ScalarUDF::from(Facts { signature }));
    functions
}
